/** The pipe for runs among the files that an executor is started with: behind its standard ones and the IPC channel. */
export const runChannelFd = 4
