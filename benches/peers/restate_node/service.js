// Serves one Restate handler of five steps that do nothing, on this machine at the port given as the only argument.

import { createServer } from "node:http2";
import * as restate from "@restatedev/restate-sdk";

const STEPS = 5;

const bench = restate.service({
  name: "Bench",
  handlers: {
    run: async (context, input) => {
      for (let step = 1; step <= STEPS; step++) {
        await context.run(`step_${step}`, async () => {});
      }
      return input;
    },
  },
});

// What `restate.serve` does, but for this machine only.
createServer(restate.createEndpointHandler({ services: [bench] })).listen(Number(process.argv[2]), "127.0.0.1");
