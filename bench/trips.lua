-- wrk's part of the benchmark: `wrk … -s bench/trips.lua URL -- BODIES PATH CONNECTIONS PAUSE_MS`.
-- BODIES holds one JSON body a line, sent in order and then again from the first. At the end one line "READING {…}".
local requests, position, sent, connections, pause_ms = {}, 0, 0, 0, 0

init = function(args)
  local headers = {["Content-Type"] = "application/json"}
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", args[2], headers, body)
  end
  connections, pause_ms = tonumber(args[3]), tonumber(args[4])
end

-- Each connection waits before its first request, so that all are accepted by then: a server on uvloop accepts one
-- connection between two rounds of answers, and the last of 64 would wait a second for its first one.
delay = function()
  sent = sent + 1
  return sent <= connections and pause_ms or 0
end

request = function()
  position = position % #requests + 1
  return requests[position]
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'READING {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "statuses": %d, "sockets": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
