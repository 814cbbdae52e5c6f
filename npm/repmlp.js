#!/usr/bin/env node
// Runs the command that the package of this system holds.
"use strict";

const { spawn } = require("node:child_process");

const windows = process.platform === "win32";
const name = `repmlp-${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/repmlp${windows ? ".exe" : ""}`);
} catch {
  console.error(`repmlp: error: the package ${name} is not installed`);
  console.error("repmlp: hint: it is an optional dependency of repmlp, made for linux, darwin and win32 on x64 and arm64");
  process.exit(1);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  // What a terminal sends reaches the command by itself.
  process.on(signal, () => (signal === "SIGINT" && process.stdin.isTTY) || child.kill(signal));
}
child.on("error", (e) => {
  console.error(`repmlp: error: running ${program}: ${e.message}`);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
