import { defineConfig } from "vite";
import { licenses } from "./build/licenses.mjs";
import { alias, build, output } from "./build/shared.mjs";

export default defineConfig({
  base: "./",
  resolve: { alias },
  plugins: [licenses()],
  build: { ...build, outDir: "dist", rolldownOptions: { input: { page: "index.html", socket_worklet: "src/socket_worklet.ts" }, output } },
});
