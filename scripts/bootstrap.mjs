// `node scripts/bootstrap.mjs start | test | check | fix | run <file.ts>`, on whatever Node the machine has and with
// nothing installed: brings the packages in where they are missing or stale, then runs the script on the project's own
// Node 24. What needs a newer Node than this check is imported after it.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `OnQueue needs Node 20.19 or newer to start, and this is ${process.version}: install a current one from https://nodejs.org, then type the same command again.`,
  )
  process.exitCode = 1
} else {
  import('./bootstrap/run-on-project-node.mjs')
    .then(({ runOnProjectNode }) => runOnProjectNode(process.argv.slice(2)))
    .then(
      (exitCode) => {
        process.exitCode = exitCode
      },
      (err) => {
        console.error(err.isForUser ? err.message : err)
        process.exitCode = 1
      },
    )
}
