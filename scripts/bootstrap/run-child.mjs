// Bare Node >= 20.19: the bootstrap uses it before anything is installed.

import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** @type {readonly NodeJS.Signals[]} */
const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Runs a program in the foreground until it ends by itself, and answers its exit code (128 + n for signal n).
 *
 * Signals are passed on, and never end this process before the child. A Ctrl-C in a terminal is an exception: it
 * goes to every process in the foreground, so the child has it already, and a second one would mean "at once".
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export const runChild = (command, args, options = { stdio: 'inherit' }) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, options)
    const inTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY

    /** @param {NodeJS.Signals} signal */
    const passOn = (signal) => {
      if (signal !== 'SIGINT' || !inTerminal) child.kill(signal)
    }
    for (const signal of passedOn) process.on(signal, passOn)
    const stopListening = () => {
      for (const signal of passedOn) process.off(signal, passOn)
    }

    child.once('error', (err) => {
      stopListening()
      reject(err)
    })
    child.once('close', (code, signal) => {
      stopListening()
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
