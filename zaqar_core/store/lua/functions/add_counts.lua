-- add_counts: add what a process has counted to the samples of the minutes in which it happened.
-- keys:  the queue.
-- args:  minutes for which samples are kept, then per minute: the minute since 1970 by the real time, sent, received,
--        deleted, empty receives, bytes sent, smallest, largest
-- reply: OK.
-- fails: NOQUEUE.
-- effect: stores.
-- cost:  O(minutes + samples after the first of them).
-- uses: now_ms, open_any_queue, queue, samples
local wrong = open_any_queue()
if wrong then return wrong end
local present = math.floor(now_ms / 60000)
local function add(sample, at, value)
  if at == samples.LARGEST then return math.max(sample[at], value) end
  if at ~= samples.SMALLEST then return sample[at] + value end
  if sample[at] == 0 or value == 0 then return math.max(sample[at], value) end
  return math.min(sample[at], value)
end
for first = 2, #ARGV, 8 do
  -- the middle of the minute, in the time of the queue
  local minute = math.floor((ARGV[first] * 60000 + 30000 + queue.clock_offset_ms) / 60000)
  if minute > present - ARGV[1] then
    samples.edit(math.min(minute, present), function(sample)
      for at = samples.SENT, samples.END do
        sample[at] = add(sample, at, tonumber(ARGV[first + 1 + at - samples.SENT]))
      end
    end)
  end
end
samples.trim(present - ARGV[1])
return 'OK'
