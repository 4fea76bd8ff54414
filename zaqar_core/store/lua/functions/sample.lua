-- sample: write the sample of the present minute, unless nothing has changed since the last one: see samples.
-- keys:  the queue.
-- args:  minutes for which samples are kept
-- reply: 1 if a sample was written.
-- fails: NOQUEUE; GROUPED.
-- effect: stores.
-- cost:  as samples.values.
-- uses: now_ms, open_queue, samples
local wrong = open_queue()
if wrong then return wrong end
local minute, values = math.floor(now_ms / 60000), samples.values()
values[4] = math.floor(values[4] / 1000)
samples.trim(minute - ARGV[1])
local last = samples.last()
local is_known = last and last[samples.MINUTE] <= minute
for at, value in ipairs(values) do
  is_known = is_known and (last[samples.MINUTE + at] or 0) == value
end
if is_known then return 0 end
samples.edit(minute, function(sample)
  for at, value in ipairs(values) do sample[samples.MINUTE + at] = value end
end)
return 1
