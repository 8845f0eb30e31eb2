#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 node --max-semi-space-size=4
// The variables and the option keep memory small: docs/operator-guide.md, "Machine".
import '../dist/bundle/cli/main.js';
