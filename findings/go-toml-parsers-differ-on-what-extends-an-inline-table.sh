#!/usr/bin/env bash
# TOML 1.0 closes an inline table where it ends: `[plugins.x.registry]` must not add to `plugins = { x = { … } }`. The three
# parsers that container tools are built with do not agree on it, so that one file is a configuration to podman's
# libraries and a syntax error to containerd: BurntSushi takes it, both go-toml refuse it.
#
# Seen:   github.com/BurntSushi/toml v1.5.0 (podman, skopeo, CRI-O): taken
#         github.com/pelletier/go-toml v1.9.5 (containerd 1.x): refused
#         github.com/pelletier/go-toml/v2 v2.2.4 (containerd 2.x): refused
# Needs:  Go 1.21 or newer and its module proxy. Takes half a minute at first.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >go.mod <<'END'
module findings

go 1.21

require (
	github.com/BurntSushi/toml v1.5.0
	github.com/pelletier/go-toml v1.9.5
	github.com/pelletier/go-toml/v2 v2.2.4
)
END
cat >main.go <<'END'
package main

import (
	"fmt"

	burntsushi "github.com/BurntSushi/toml"
	pelletier1 "github.com/pelletier/go-toml"
	pelletier2 "github.com/pelletier/go-toml/v2"
)

const file = "plugins = { x = { y = 1 } }\n[plugins.x.registry]\nz = 2\n"

func main() {
	var into map[string]any
	_, err := burntsushi.Decode(file, &into)
	fmt.Println("BurntSushi", err == nil)
	_, err = pelletier1.Load(file)
	fmt.Println("go-toml 1", err == nil)
	err = pelletier2.Unmarshal([]byte(file), &into)
	fmt.Println("go-toml 2", err == nil)
}
END
go mod tidy >/dev/null 2>&1
seen=$(timeout 120 go run .)
echo "$seen"
expected='BurntSushi true
go-toml 1 false
go-toml 2 false'
[ "$seen" = "$expected" ] || { printf 'CHANGED: expected\n%s\n' "$expected"; exit 1; }
echo 'as described'
