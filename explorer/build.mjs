// Builds dist/ from src/. `--check` builds beside it and fails where a byte differs.
import { build } from "esbuild";
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const here = import.meta.dirname;
const dist = join(here, "dist");
const PAGES = ["index.html", "icon.svg"];

// The licences of the libraries whose code is in the files, as they ask.
async function licenses(inputs) {
  const names = new Set(inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
  const texts = [...names].sort().map(async (name) => {
    const { version } = JSON.parse(await readFile(join(here, "node_modules", name, "package.json"), "utf8"));
    return `${name} ${version}\n\n${(await readFile(join(here, "node_modules", name, "LICENSE"), "utf8")).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

async function make(folder) {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.ts", editor: "src/editor.ts" },
    outdir: folder,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    // The editor is a file of its own: it is fetched when a script is to be written.
    external: ["./editor.js"],
    logLevel: "warning",
  });
  await writeFile(join(folder, "licenses.txt"), await licenses(Object.keys(metafile.inputs)));
  for (const page of PAGES) await copyFile(join(here, "src", page), join(folder, page));
}

if (process.argv.includes("--check")) {
  const folder = await mkdtemp(join(tmpdir(), "explorer-"));
  try {
    await make(folder);
    const names = new Set([...(await readdir(folder)), ...(await readdir(dist).catch(() => []))]);
    const read = (of, name) => readFile(join(of, name)).catch(() => Buffer.alloc(0));
    for (const name of names) {
      if ((await read(folder, name)).equals(await read(dist, name))) continue;
      console.error(`explorer/dist/${name} is not what explorer/src makes: run make explorer-build and commit it.`);
      process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
} else {
  await rm(dist, { recursive: true, force: true });
  await make(dist);
  let sum = 0;
  for (const name of (await readdir(dist)).sort()) {
    const text = await readFile(join(dist, name));
    const zipped = gzipSync(text, { level: 9 }).length;
    if (/\.(js|css)$/.test(name)) sum += zipped;
    console.log(`${name}: ${text.length} bytes, ${zipped} with gzip`);
  }
  console.log(`scripts and styles together: ${sum} bytes with gzip`);
}
