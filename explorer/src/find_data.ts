// Stars and candidates by what they have, chosen on the server.

import { Problem } from "./problem";
import { type Stack, exec, literal, quoted } from "./warp10";

/** Rows that one answer has at most (chosen: a table longer than that is searched again, not read). */
export const MOST_ROWS = 2000;

/** Without a repetition after a bracket, which the server for guests refuses. */
const FLUX = "'~(pdcsap|sap)%5C.flux'";
/** Separators that may be missing or several: the server for guests takes five repetitions in all. */
const MOST_REPEATED = 3;
const KEPT = ["period", "epoch", "depth", "duration", "snr", "radius", "disposition", "score", "comment", "transits"];

export interface Wanted {
  name: string;
  /** Smallest and largest; NaN where anything goes. */
  ranges: Record<string, [number, number]>;
  disposition: string;
  known: string;
}

export interface Row {
  star: string;
  number?: number;
  candidate: Record<string, string>;
  tags: Record<string, string>;
  mission: string;
}

export interface Rows {
  rows: Row[];
  /** How many there are, of which `rows` are the first. */
  all: number;
}

const CANDIDATE_RANGES = ["period", "depth", "snr", "score"];
const STAR_RANGES = ["candidates", "teff", "radius"];

function known([low, high]: [number, number]): boolean {
  return !Number.isNaN(low) || !Number.isNaN(high);
}

function range(pair: [number, number]): string {
  const [low, high] = pair.map((value, i) => (Number.isNaN(value) ? (i ? 1e12 : -1e12) : value)) as [number, number];
  return `[ ${low.toFixed(6)} ${high.toFixed(6)} ]`;
}

/** Series of stars whose name and known disposition are wanted; a star's labels and tags by its number as `$stars`. */
function starScript(wanted: Wanted, ids: string): string {
  const name = wanted.name.trim();
  const digits = /^(?:KIC|EPIC)?[\s_-]*0*(\d{1,9})$/i.exec(name);
  const labels: string[] = [ids];
  if (digits?.[1]) labels[0] = `'KEPLERID' ${quoted(`~0*${digits[1]}.*`)}`;
  if (wanted.known) labels.push(`'disposition' ${quoted(wanted.known)}`);
  const asked = digits || !name
    ? [labels]
    : [[...labels, `'planets' ${quoted(beginning(name))}`], [...labels, `'kois' ${quoted(beginning(koi(name)))}`]];
  const ranges = STAR_RANGES.filter((tag) => wanted.ranges[tag] && known(wanted.ranges[tag]));
  const tests = ranges.map((tag) => {
    const [value, pair] = [`$tags '${tag}' GET TODOUBLE`, range(wanted.ranges[tag]!)];
    return `<% $tags '${tag}' CONTAINSKEY SWAP DROP %> <% ${value} ${pair} 0 GET >= ${value} ${pair} 1 GET <= && $good && 'good' STORE %> <% false 'good' STORE %> IFTE`;
  });
  return `
[] ${asked.map((each) => `[ $token ${FLUX} { ${each.join(" ")} } ] FIND APPEND`).join(" ")}
{} 'stars' STORE
<%
  'series' STORE $series LABELS 'labels' STORE $series ATTRIBUTES 'tags' STORE true 'good' STORE
  ${tests.join("\n  ")}
  <% $good %> <% $stars [ $tags $labels 'MISSION' GET ] $labels 'KEPLERID' GET PUT DROP %> IFT
%> FOREACH`;
}

/** A regular expression for tags that are lists with commas, where one begins like this. */
function beginning(text: string): string {
  let repeated = 0;
  const name = literal(text).replace(/(\\x2d|[\s_])+/g, () => (repeated++ < MOST_REPEATED ? "[\\s_-]*" : "[\\s_-]"));
  // Warp 10 takes a flag for all of the expression without effect: it is that of a group.
  return `~(?i:(.*,|)${name}.*)`;
}

/** K00157.01 for KOI-157.01, as the tables have it. */
function koi(name: string): string {
  const found = /^(?:KOI|K)[\s_-]*0*(\d{1,5})(\.\d*)?$/i.exec(name);
  return found?.[1] ? `K${found[1].padStart(5, "0")}${found[2] ?? ""}` : name;
}

/** Those of the rows whose planet, KOI or host star has just this name. */
export function ofName(rows: Row[], name: string): Row[] {
  const plain = (text: string) => text.toLowerCase().replace(/[\s_-]/g, "");
  const meant = [name.trim(), koi(name.trim())].map(plain);
  return rows.filter(({ tags }) => {
    const planets = (tags["planets"] ?? "").split(",");
    const kois = (tags["kois"] ?? "").split(",");
    const names = [...planets, ...planets.map((planet) => planet.replace(/ [a-z]$/, "")), ...kois, ...kois.map((one) => one.replace(/\.\d+$/, ""))];
    return names.some((one) => meant.includes(plain(one)));
  });
}

export async function findStars(wanted: Wanted, signal: AbortSignal): Promise<Rows> {
  const script = `
@HELLOEXOWORLD/GETREADTOKEN 'token' STORE
${starScript(wanted, "")}
$stars SIZE
[] $stars KEYLIST <% TOLONG %> SORTBY <% 'star' STORE <% DUP SIZE ${MOST_ROWS} < %> <% [ $star $stars $star GET LIST-> DROP ] +! %> IFT %> FOREACH`;
  const [rows, all] = (await exec(script, signal)) as [[string, Record<string, string>, string | null][], number];
  return { all, rows: rows.map(([star, tags, mission]) => ({ star, candidate: {}, tags, mission: mission ?? "" })) };
}

/** A selector of the stars that the rows are of: without conditions on stars, no others need be looked at. */
const NAMED = `
[] $found <% 'one' STORE <% DUP SIZE ${MOST_ROWS} < %> <% $one LABELS 'KEPLERID' GET +! %> IFT %> FOREACH 'some' STORE
<% $some SIZE 0 > %> <% '~(' $some UNIQUE '|' JOIN + ')' + %> <% 'none' %> IFTE 'ids' STORE`;

export async function findCandidates(wanted: Wanted, signal: AbortSignal): Promise<Rows> {
  const ranges = CANDIDATE_RANGES.filter((name) => wanted.ranges[name] && known(wanted.ranges[name]));
  const stars = Boolean(wanted.name || wanted.known || STAR_RANGES.some((tag) => wanted.ranges[tag] && known(wanted.ranges[tag])));
  const script = `
@HELLOEXOWORLD/GETREADTOKEN 'token' STORE
{ ${ranges.map((name) => `'${name}' ${range(wanted.ranges[name]!)}`).join(" ")} 'points' false } @HELLOEXOWORLD/CANDIDATES 'found' STORE
${wanted.disposition ? `[] $found <% 'one' STORE <% $one ATTRIBUTES 'disposition' GET ${quoted(wanted.disposition)} == %> <% $one +! %> IFT %> FOREACH 'found' STORE` : ""}
${stars ? "" : NAMED}
${starScript(wanted, stars ? "" : "'KEPLERID' $ids")}
[ ${KEPT.map((name) => `'${name}'`).join(" ")} ] 'kept' STORE
0 'all' STORE
[] $found <%
  'one' STORE $one LABELS 'KEPLERID' GET 'star' STORE $one ATTRIBUTES 'known' STORE
  <% $stars $star CONTAINSKEY SWAP DROP ${stars ? "" : "true ||"} %>
  <%
    $all 1 + 'all' STORE
    <% DUP SIZE ${MOST_ROWS} < %>
    <%
      {} 'some' STORE
      $kept <% 'name' STORE <% $known $name CONTAINSKEY SWAP DROP %> <% $some $known $name GET $name PUT DROP %> IFT %> FOREACH
      <% $stars $star CONTAINSKEY SWAP DROP %> <% $stars $star GET %> <% [ {} '' ] %> IFTE 'about' STORE
      [ $star $one LABELS 'CANDIDATE' GET $some $about LIST-> DROP ] +!
    %> IFT
  %> IFT
%> FOREACH
$all`;
  const [all, rows] = (await exec(script, signal)) as [number, [string, string, Record<string, string>, Record<string, string>, string | null][]];
  return {
    all,
    rows: rows.map(([star, number, candidate, tags, mission]) => ({ star, number: Number(number), candidate, tags, mission: mission ?? "" })),
  };
}

/** A star at random: of those with a candidate that is likely a planet, else with any, else of all. Throws a Problem of none. */
export async function randomStar(signal: AbortSignal): Promise<string> {
  const pick = "<% DROP LABELS 'KEPLERID' GET %> LMAP UNIQUE";
  const script = `
@HELLOEXOWORLD/GETREADTOKEN 'token' STORE
{ 'score' [ 0.5 1.0 ] 'points' false } @HELLOEXOWORLD/CANDIDATES ${pick}
<% DUP SIZE 0 == %> <% DROP { 'points' false } @HELLOEXOWORLD/CANDIDATES ${pick} %> IFT
<% DUP SIZE 0 == %> <% DROP [ $token ${FLUX} {} ] FIND ${pick} %> IFT
'stars' STORE
<% $stars SIZE 0 > %> <% $stars RAND $stars SIZE * TOLONG GET %> <% '' %> IFTE`;
  const [star] = (await exec(script, signal)) as Stack;
  if (!star) throw new Problem("The server has no star yet.", "Import some first.");
  return String(star);
}
