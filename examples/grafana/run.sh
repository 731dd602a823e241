#!/bin/bash
# Lists the panels of the dashboard.
set -euo pipefail
cd "$(dirname "$0")"
node -p 'require("./dashboard.json").panels.map(({ title }) => title).join("\n")'
