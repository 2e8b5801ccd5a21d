// Loaded before a measured script (bench/startup.js): reports the CPU time of the whole process, in milliseconds, on file descriptor 3.
const { writeSync } = require('node:fs');

process.once('exit', () => {
  const { user, system } = process.cpuUsage();
  writeSync(3, `${(user + system) / 1e3}`);
});
