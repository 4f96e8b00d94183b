import type { Redis } from 'ioredis'

/** The process's one connection that listens to pub/sub. Messages may be lost: whoever listens reads again in time. */
export type Channels = {
  /** Listens to a channel until the returned function is called; `onReady` when messages do arrive from now on. */
  subscribe(channel: string, listener: ChannelListener): () => void
}

type ChannelListener = { onMessage: (message: string) => void; onReady?: () => void }

export const createChannels = (subscriber: Redis): Channels => {
  const listeners = new Map<string, ChannelListener>()
  subscriber.on('message', (channel, message) => listeners.get(channel)?.onMessage(message))

  return {
    subscribe: (channel, listener) => {
      if (listeners.has(channel)) throw new Error(`channel ${channel} is already listened to`)
      listeners.set(channel, listener)
      // a lost connection subscribes again by itself; only closing it ends the attempts
      void subscriber.subscribe(channel).then(
        () => listener.onReady?.(),
        () => undefined,
      )
      return () => {
        listeners.delete(channel)
        void subscriber.unsubscribe(channel).catch(() => undefined)
      }
    },
  }
}
