"""The heavy model for MLServer (it has no ONNX runtime of its own); the tiny one uses mlserver_sklearn as it ships."""
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
import model as m

class Heavy(MLModel):
    async def load(self):
        self.model = m.load()
        return True

    async def predict(self, payload):
        x = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        y = m.run_rows(self.model, x)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", y)])
