import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = new Set([".css", ".js", ".json", ".map", ".svg", ".txt", ".webmanifest"]);
const WORTH_IT = 1024;
const STAMP = ".built";

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

/**
 * Writes the brotli and gzip forms of the built files beside them, then `.built`. The server takes a folder for a whole
 * build when that file is there; so it goes before the first file is touched.
 */
export function precompressed(): Plugin {
  let folder = "";
  return {
    name: "milepost:precompressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async buildStart() {
      await rm(join(folder, STAMP), { force: true });
    },
    writeBundle: {
      order: "post",
      sequential: true,
      async handler() {
        // The page itself is compressed by the server, which writes its address into it.
        const names = await readdir(folder, { recursive: true });
        await Promise.all(names.filter((name) => TEXT.has(extname(name))).map((name) => compress(join(folder, name))));
        await writeFile(join(folder, STAMP), "");
      },
    },
  };
}

async function compress(file: string): Promise<void> {
  const content = await readFile(file);
  if (content.length < WORTH_IT) return;
  const [small, smaller] = await Promise.all([
    gzipped(content, { level: 9 }),
    brotli(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
  ]);
  await Promise.all([writeFile(`${file}.gz`, small), writeFile(`${file}.br`, smaller)]);
}
