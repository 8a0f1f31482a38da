// The tour: from a point to a planet of one's own. Words here, scripts as they run.

export interface Step {
  title: string;
  /** Paragraphs before the script. */
  before: string[];
  script: string;
  /** What is to be seen after it has run. */
  after: string;
}

const FLAT = "6541920 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 1.5 d @HELLOEXOWORLD/DETREND";

export const STEPS: Step[] = [
  {
    title: "One point",
    before: [
      "Kepler measured the brightness of some 170,000 stars every half hour, for four years. Each measurement is a point: an instant and a number. Here is the last one of star 6541920, known as Kepler-11.",
      "A script is read from left to right. Values pile up on a stack, and a word such as FETCH takes what it needs from the top: the public token, what to read, of which star, and until when. MAXLONG stands for the end of all time, and -1 for a single point.",
    ],
    script: "[ @HELLOEXOWORLD/GETREADTOKEN 'pdcsap.flux'\n  { 'KEPLERID' '6541920' } MAXLONG -1 ] FETCH",
    after: "One point: electrons that the star's light set free in the camera, in each second. The instant is BKJD, the days since noon of 1 January 2009, as if measured from the middle of the solar system.",
  },
  {
    title: "A week",
    before: ["With two dates in place of end and number, the points between them come: a series. A week has about 340 of them."],
    script: "[ @HELLOEXOWORLD/GETREADTOKEN 'pdcsap.flux'\n  { 'KEPLERID' '6541920' }\n  '2010-05-01T00:00:00Z' '2010-05-08T00:00:00Z' ] FETCH",
    after: "The star is quiet: its light changes by some parts in ten thousand. Is there a dip that lasts several hours? A planet in front of the star would make one.",
  },
  {
    title: "Four years",
    before: ["Now everything there is of this star, as the camera saw it: class sap.flux."],
    script: "[ @HELLOEXOWORLD/GETREADTOKEN 'sap.flux'\n  { 'KEPLERID' '6541920' } MAXLONG MAXLONG ] FETCH",
    after: "The steps are not the star's. Every three months, a quarter, the telescope turned by 90° to keep its panels in the sunlight, and the star fell on another detector. The slow slopes are the telescope's, too.",
  },
  {
    title: "One level",
    before: [
      "The macro LIGHTCURVE takes a star and a class, cuts the series where nothing was measured for six hours, and divides each piece by its median. The class pdcsap.flux has been corrected for what all stars of a detector have in common.",
    ],
    script: "6541920 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE",
    after: "All pieces lie around 1 now. Zoom in by dragging over the plot: what is left are the star's own slow waves, noise, and here and there a dip.",
  },
  {
    title: "Without waves",
    before: [
      "Spots come and go as a star turns, over days. A transit takes hours. So a median that moves along, a day and a half wide, follows the spots but not the transits. DETREND divides by it. Words in lower case, such as d, are units of time.",
    ],
    script: FLAT,
    after: "The curve is flat. What points down further than the noise is worth a look.",
  },
  {
    title: "Dips",
    before: [
      "DIPS compares the mean of three hours with the scatter around it, and gives a point wherever the star was fainter by more than some deviations: six of them here, since in four years chance alone goes far.",
    ],
    script: `${FLAT}\n6 @HELLOEXOWORLD/DIPS`,
    after: "Each point is a dip, and its value the depth in parts per million of the star's light. There are many, and of more than one depth: do several bodies pass?",
  },
  {
    title: "A rhythm",
    before: [
      "A planet comes back on time. So take the distance in days between each two dips, round it to a tenth, and count: a distance that occurs often may be a period, or several periods.",
    ],
    script: `${FLAT}
6 @HELLOEXOWORLD/DIPS TICKLIST 'ticks' STORE
{} 'seen' STORE
$ticks <%
  'first' STORE
  $ticks <%
    $first - TODOUBLE 1 d / 'days' STORE
    <% $days 1.0 > $days 40.0 < && %>
    <%
      $days 10.0 * ROUND TOLONG 'tenths' STORE
      <% $seen $tenths CONTAINSKEY SWAP DROP %> <% $seen $tenths GET 1 + %> <% 1 %> IFTE 'pairs' STORE
      $seen $pairs $tenths PUT DROP
    %> IFT
  %> FOREACH
%> FOREACH
[] $seen <% 'pairs' STORE 10.0 / 'days' STORE { 'days' $days 'pairs' $pairs } +! %> FOREACH
<% 'pairs' GET -1 * %> SORTBY [ 0 9 ] SUBLIST`,
    after: "The commonest distances are periods of planets, or their multiples. Between two lines of the table there may be more than one planet's.",
  },
  {
    title: "Folded",
    before: [
      "With a period all transits can be laid over each other: FOLD takes the curve, the period in days and the instant of one transit, and noise averages out. These are the figures of Kepler-11 e.",
    ],
    script: `${FLAT}\n31.9955 154.16 @HELLOEXOWORLD/FOLD`,
    after: "At 0 hours there is the transit; ⤢ shows the whole period. Change the period by 0.02 days and run it again: the transits run apart.",
  },
  {
    title: "Planet or impostor",
    before: [
      "Two stars that eclipse each other, or a fault of the camera, make dips as well. The search of this server asks of each candidate whether odd and even transits are equally deep, whether there is a second dimming, and more. A network gives it a score: how likely it is a planet. CANDIDATES gives what was found.",
    ],
    script: "{ 'KEPLERID' '6541920' } @HELLOEXOWORLD/CANDIDATES\n<%\n  DROP ATTRIBUTES 'known' STORE\n  { 'period' $known 'period' GET 'depth' $known 'depth' GET\n    'snr' $known 'snr' GET 'disposition' $known 'disposition' GET }\n%> LMAP",
    after: "Six planets of Kepler-11 are known: do you recognise them? The page of the star shows each of them folded, with all verdicts.",
  },
  {
    title: "A planet of your own",
    before: [
      "The same for any other star. Put its number in the first line and look at its dips. If they keep a rhythm, put the period and the instant of a dip in the second line, take away the two strokes in front of the last one, and run it again.",
      "A star at random, and those that nobody looked at, are found under Find; on the page of a star you fold at any period as you type.",
    ],
    script: `6541920 'star' STORE\n10.3039 'period' STORE 131.6 'epoch' STORE\n$star 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 1.5 d @HELLOEXOWORLD/DETREND 'flat' STORE\n$flat 6 @HELLOEXOWORLD/DIPS\n// CLEAR $flat $period $epoch @HELLOEXOWORLD/FOLD`,
    after: "A rhythm that no catalogue has, with equal depths and no second dimming: that is how planets are found.",
  },
];
