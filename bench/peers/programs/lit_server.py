"""LitServe with batching."""
import os, sys
import litserve as ls, numpy as np
from pydantic import BaseModel, conlist
import model as m

class Input(BaseModel):
    values: conlist(float, min_length=m.WIDTH, max_length=m.WIDTH)

class API(ls.LitAPI):
    def setup(self, device):
        self.model = m.load()
    def decode_request(self, request: Input):
        return request.values
    def batch(self, inputs):
        return np.array(inputs)
    def predict(self, rows):
        return m.run_rows(self.model, rows)
    def unbatch(self, output):
        return list(output)
    def encode_response(self, row):
        return m.to_output(row)

if __name__ == "__main__":
    api = API(max_batch_size=64 if m.KIND == "tiny" else 32, batch_timeout=0.005)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ.get("WORKERS", "2")), timeout=120)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning")
