// Writes the licences of every package whose code is in the bundle next to it, as those licences ask.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OWN_TEXTS = fileURLToPath(new URL("../licenses", import.meta.url));

/** The folder of the package that a module belongs to, or undefined for the project's own modules. */
function packageFolder(moduleId) {
  if (!moduleId.includes("/node_modules/")) return undefined;
  let folder = dirname(moduleId.replace(/^\0/, "").replace(/\?.*$/, ""));
  // Some packages have nested package.json files without a name, to mark module types.
  while (!existsSync(join(folder, "package.json")) || !readPackage(folder).name) folder = dirname(folder);
  return folder;
}

const readPackage = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The licence text in the package, else the one kept in web/licenses under its name; an error if there is neither. */
function licenseText(folder, name) {
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (file) return readFileSync(join(folder, file), "utf8");
  const own = join(OWN_TEXTS, `${name.replace("/", "__")}.txt`);
  if (existsSync(own)) return readFileSync(own, "utf8");
  throw new Error(`${name} carries no licence text: add it as ${own}`);
}

/** Code that a package has swallowed, which no module id names. */
const SWALLOWED = {
  "@pipecat-ai/small-webrtc-transport": [["wavtools (in @pipecat-ai/small-webrtc-transport)", "wavtools"]],
  "@pipecat-ai/websocket-transport": [["wavtools (in @pipecat-ai/websocket-transport)", "wavtools"]],
};

export function licenses() {
  return {
    name: "third-party-licenses",
    generateBundle(_options, bundle) {
      const texts = new Map();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
          const folder = renderedLength > 0 ? packageFolder(id) : undefined;
          if (!folder) continue;
          const { name, version, license } = readPackage(folder);
          texts.set(`${name} ${version} (${license})`, licenseText(folder, name));
          for (const [title, file] of SWALLOWED[name] ?? []) {
            texts.set(title, readFileSync(join(OWN_TEXTS, `${file}.txt`), "utf8"));
          }
        }
      }
      const line = "-".repeat(80);
      const source = [...texts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([title, text]) => `${line}\n${title}\n${line}\n\n${text.replace(/\r\n/g, "\n").trim()}\n`)
        .join("\n");
      this.emitFile({ type: "asset", fileName: "THIRD_PARTY_LICENSES.txt", source });
    },
  };
}
