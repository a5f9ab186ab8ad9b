// The VoiceClient as one module, beside the page, whose build empties dist/ and therefore comes first.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { declaration } from "./declaration.mjs";
import { licenses } from "./licenses.mjs";
import { alias, build, output } from "./shared.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  publicDir: false,
  resolve: { alias },
  plugins: [declaration("sdk/tsconfig.json", "sdk/voice_client.d.ts", "voice-client.d.ts"), licenses()],
  build: {
    ...build,
    outDir: here("../dist/sdk"),
    rolldownOptions: {
      input: { "voice-client": here("../sdk/voice_client.ts") },
      // Else nothing is left of a module that nobody imports here.
      preserveEntrySignatures: "strict",
      output: { ...output, format: "es", codeSplitting: false },
    },
  },
});
