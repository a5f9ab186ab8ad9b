// Writes the types of one module next to the bundle. The module must name no other in what it exports.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));

export function declaration(project, module, fileName) {
  return {
    name: "declaration",
    generateBundle() {
      const folder = mkdtempSync(join(tmpdir(), "declaration-"));
      try {
        execFileSync(process.execPath, [join(web, "node_modules/typescript/bin/tsc"), "-p", project, "--outDir", folder], {
          cwd: web,
          stdio: "inherit",
        });
        const source = readFileSync(join(folder, module), "utf8");
        if (/^(im|ex)port .* from /m.test(source)) this.error(`${module} names other modules: whoever uses it has only ${fileName}`);
        this.emitFile({ type: "asset", fileName, source });
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}
