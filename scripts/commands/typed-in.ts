/** The folder that paths on the command line are relative to: npm runs its scripts in that of the project, and says from which it was called. */
export const typedIn = (script: string, environment: Record<string, string | undefined>) => {
  const { npm_lifecycle_event: running, INIT_CWD: folder } = environment
  return running === script && folder !== undefined ? folder : process.cwd()
}
