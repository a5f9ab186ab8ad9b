// Bundles each client into one script of its own: node build.mjs FOLDER
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const clients = readdirSync(here).filter((name) => /^(webrtc|websocket|react)-/.test(name));
await build({
  absWorkingDir: here,
  entryPoints: clients.map((name) => ({ in: `${name}/main`, out: name })),
  outdir: process.argv[2],
  bundle: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
  legalComments: "none",
});
