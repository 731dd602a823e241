#!/usr/bin/env node
require('../dist/rentabot.cjs');
