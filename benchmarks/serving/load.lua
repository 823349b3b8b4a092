-- wrk: the bodies of a file, one a line, again and again; what it measured as one line of JSON.
-- wrk ... -s load.lua URL -- BODIES
local requests, place = {}, 0

function init(args)
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function done(summary, latency)
  local line = '{"requests": %d, "seconds": %f, "not_200": %d, "broken": %d, "p50_ms": %f, "p99_ms": %f, "max_ms": %f}\n'
  local errors = summary.errors
  io.write("RESULT " .. line:format(
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
