#!/usr/bin/env bash
# `npm sbom --sbom-format=cyclonedx` names the root component after the folder that the package lies in, not after the
# package, though its bom-ref has the right name; with `--sbom-format=spdx` the name is right. In CI the folder is
# whatever the checkout is called (`repo`, `workspace`), and so is then what was released.
#
# Seen:   npm 11.19.1 (package npm on the registry), a package "acme-app" in a folder "checkout"
# With    cyclonedx, installed or --package-lock-only   name "checkout", bom-ref "acme-app@1.2.3"
# With    spdx                                          name "acme-app"
# Needs:  Node.js 20 or newer, npm, the npm registry. Takes a few seconds.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund --prefix tool npm@11.19.1
npm() { node "$folder/tool/node_modules/npm/bin/npm-cli.js" "$@"; }
echo "npm $(npm --version)"

mkdir checkout
cd checkout
cat >package.json <<'END'
{ "name": "acme-app", "version": "1.2.3", "dependencies": { "ms": "2.1.3" } }
END
npm install --silent --no-audit --no-fund

root() { node -p "const { name, 'bom-ref': ref } = JSON.parse(fs.readFileSync(0)).metadata.component; name + ' ' + ref"; }
spdx() { node -p "JSON.parse(fs.readFileSync(0)).packages[0].name"; }

installed=$(npm sbom --sbom-format=cyclonedx | root)
locked=$(npm sbom --sbom-format=cyclonedx --package-lock-only | root)
locked_spdx=$(npm sbom --sbom-format=spdx --package-lock-only | spdx)
echo "installed:         $installed"
echo "package-lock-only: $locked; spdx: $locked_spdx"

[ "$installed" = 'checkout acme-app@1.2.3' ] && [ "$locked" = 'checkout acme-app@1.2.3' ] && [ "$locked_spdx" = 'acme-app' ] ||
  { echo 'changed'; exit 1; }
