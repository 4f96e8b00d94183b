import { join } from 'node:path'

/** Tiny: what it costs is what a server costs. It ships with OnQueue. */
export const demoModelDir = join(import.meta.dirname, '../../models/demo-classifier')

/** Of LightGBM, as its exporter writes it: what it says of its label is wrong. */
export const treesModelDir = join(import.meta.dirname, 'trees')

/** 5 to 7 ms a row: what is lost on the way shows. */
export const heavyModelDir = join(import.meta.dirname, 'heavy')
