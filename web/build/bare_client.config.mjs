// The page of tests/browser that shows that the official client works as its makers publish it.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { licenses } from "./licenses.mjs";
import { alias, build, output } from "./shared.mjs";

const root = fileURLToPath(new URL("../../tests/browser/bare_client", import.meta.url));
const packages = fileURLToPath(new URL("../node_modules", import.meta.url));

export default defineConfig({
  root,
  base: "./",
  publicDir: false,
  // The bare client lies outside web/, whose packages (and whose lock) it uses.
  resolve: { alias: [
    ...Object.entries(alias).map(([find, replacement]) => ({ find, replacement })),
    { find: /^@pipecat-ai\/(client-js|small-webrtc-transport)$/, replacement: `${packages}/@pipecat-ai/$1/dist/index.module.js` },
  ] },
  plugins: [licenses()],
  build: { ...build, outDir: `${root}/dist`, rolldownOptions: { input: { bare_client: `${root}/index.html` }, output } },
});
