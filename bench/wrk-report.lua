-- Prints what wrk measured as one line of JSON; its own summary is rounded for people.
function done(summary, latency)
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"failures":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
