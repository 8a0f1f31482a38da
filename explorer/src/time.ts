// Time: ticks of the server (µs since 1970, TDB), BKJD (BJD(TDB) - 2454833, days), and dates.

const REFERENCE_DAYS = 14245.5; // from 1970-01-01 to BKJD 0
const DAY_MS = 86_400_000;
const DAY_US = DAY_MS * 1000;

/** First cadence of each quarter of Kepler, 0 to 17, BKJD: as `kepler_lens.lightcurve` has it. */
export const QUARTER_STARTS = [
  120.5, 131.5, 169.5, 260.2, 352.3, 443.4, 539.4, 630.1, 735.3, 808.5, 906.8, 1001.2, 1099.4, 1182.7, 1274.1, 1373.4,
  1472.0, 1559.2,
] as const;

/** First points come some minutes before the rounded start (chosen: the shortest pause is 0.9 d). */
const EARLY_DAYS = 0.3;

export const QUARTER_EDGES = QUARTER_STARTS.map((start) => start - EARLY_DAYS);

export function bkjdOf(tick: number): number {
  return tick / DAY_US - REFERENCE_DAYS;
}

export function tickOf(bkjd: number): number {
  return Math.round((bkjd + REFERENCE_DAYS) * DAY_MS) * 1000;
}

export function days(ticks: number): number {
  return ticks / DAY_US;
}

/** Number of the quarter at an instant (BKJD), -1 before the first. */
export function quarterAt(bkjd: number): number {
  let number = -1;
  for (const edge of QUARTER_EDGES) {
    if (bkjd < edge) break;
    number += 1;
  }
  return number;
}

/** First day of each campaign of K2, 0 to 19 (archive.stsci.edu/missions-and-data/k2/campaign-fields). */
const CAMPAIGN_STARTS = [
  "2014-03-08", "2014-05-30", "2014-08-23", "2014-11-14", "2015-02-07", "2015-04-27", "2015-07-14", "2015-10-04", "2016-01-03", "2016-04-21",
  "2016-07-06", "2016-09-24", "2016-12-15", "2017-03-08", "2017-05-31", "2017-08-23", "2017-12-07", "2018-03-01", "2018-05-12", "2018-08-30",
].map((day) => Date.parse(day) / DAY_MS - REFERENCE_DAYS);

/** Number of the campaign of K2 at an instant (BKJD), -1 before the first. */
export function campaignAt(bkjd: number): number {
  return CAMPAIGN_STARTS.filter((start) => start <= bkjd).length - 1;
}

/** Date and time of BKJD, TDB, such as 2010-01-02 03:04; without the time where `day` is true. */
export function date(bkjd: number, day = false): string {
  const whole = new Date((bkjd + REFERENCE_DAYS) * DAY_MS);
  if (Number.isNaN(whole.getTime())) return "";
  return whole.toISOString().slice(0, day ? 10 : 16).replace("T", " ");
}
