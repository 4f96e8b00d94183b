import { messageOf } from '../../scripts/bootstrap/setup-error.mjs'
import type { Contender } from './contender.ts'
import { glue } from './glue.ts'
import { openPythonPlace } from './python-place.ts'
import type { PythonPlace } from './python-place.ts'
import { toBentoMl, toCelery, toFastApi, toLitServe, toMlServer } from './python-peers.ts'

export type Peers = {
  contenders: Contender[]
  /** the peers that can't be measured here, each with the reason */
  absent: string[]
  close: () => Promise<void>
}

/** MLServer wants releases of FastAPI and uvloop that the others have left behind. */
const environments = [
  {
    requirements: 'requirements.txt',
    names: 'FastAPI, Celery, LitServe, BentoML',
    toPeers: (place: PythonPlace) =>
      [toFastApi, toCelery, toLitServe, toBentoMl].map((toPeer) => toPeer(place)),
  },
  {
    requirements: 'requirements-mlserver.txt',
    names: 'MLServer',
    toPeers: (place: PythonPlace) => [toMlServer(place)],
  },
]

/** What people take instead of OnQueue: the glue always, and the Python servers where there is a Python for them. */
export const openPeers = async (): Promise<Peers> => {
  const contenders = [glue]
  const absent: string[] = []
  const places: PythonPlace[] = []
  for (const { requirements, names, toPeers } of environments) {
    try {
      const place = await openPythonPlace(requirements)
      places.push(place)
      contenders.push(...toPeers(place))
    } catch (err) {
      absent.push(`${names}: ${messageOf(err)}`)
    }
  }
  return {
    contenders,
    absent,
    close: async () => {
      for (const { close } of places) await close()
    },
  }
}
