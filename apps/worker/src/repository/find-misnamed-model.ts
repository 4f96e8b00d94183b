import { join } from 'node:path'
import { listFolders, listOnnxFiles } from './look-at-files.ts'

/** Where an ONNX file of another name than `model.onnx` is, in the folder of a model or of a version that has none of that name. */
export const findMisnamedModel = async (dir: string) => {
  const places = ['', ...(await listFolders(dir))]
  const files = await Promise.all(
    places.map(async (place) => (await listOnnxFiles(join(dir, place))).map((file) => join(place, file))),
  )
  return files.flat()[0]
}
