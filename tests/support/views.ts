import type { Client } from './client.ts'

/** How poll, wait, list and events show a prediction that is final. */
export const everyView = async (client: Client, id: string) => {
  const [poll, list, followed] = await Promise.all([
    client.get(`/v1/predictions/${id}`),
    client.get('/v1/predictions?limit=100&include=input,output'),
    follow(client, id),
  ])
  return [poll.body, list.body.results.find((one: { id: string }) => one.id === id), ...followed]
}

/** What a wait and the events show at the end, of a prediction that both follow from now on. */
export const follow = async (client: Client, id: string) => {
  const [wait, events] = await Promise.all([
    client.untilFinal(id),
    client.get(`/v1/predictions/${id}/events`),
  ])
  const shown = [...events.text.matchAll(/^data: (.*)$/gm)].map(([, text = '']) => JSON.parse(text))
  return [wait.body, shown.at(-1)]
}
