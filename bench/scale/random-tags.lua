-- Asks for manifests by tag, a random one of the younger half each time: the older images may be evicted meanwhile.
-- IMAGES says how many there are. Prints one line of JSON at the end.
local images = tonumber(os.getenv('IMAGES'))
math.randomseed(os.time())

-- Milliseconds between an answer and the next request of a connection: a server that is busy, and not a queue.
function delay()
  return 5
end

function request()
  local image = math.random(math.floor(images / 2), images - 1)
  return wrk.format('GET', string.format('/v2/bench/r%d/manifests/t%d', math.floor(image / 100), image % 100))
end

function done(summary, latency)
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"failures":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
