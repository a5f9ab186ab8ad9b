// What both builds (the page, and the SDK) have in common.
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const alias = {
  // The transport's default media manager. It fetches code from a foreign host at run time, and is never constructed here.
  "@daily-co/daily-js": here("../src/no_daily.ts"),
};

/** Names without content hashes: the build is committed, and a change should show as a change, not as a new file. */
export const output = {
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  assetFileNames: "[name][extname]",
};

export const build = {
  target: "es2022",
  emptyOutDir: true,
  modulePreload: { polyfill: false },
  reportCompressedSize: false,
  assetsInlineLimit: 0,
};
