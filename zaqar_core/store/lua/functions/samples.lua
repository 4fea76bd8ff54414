-- samples: read the samples of the queue, and what a sample would hold now.
-- keys:  the queue.
-- reply: {now ms, visible, in flight, delayed, since ms, sample ...}, the oldest first: see the part samples.
-- fails: NOQUEUE; GROUPED.
-- effect: reads. It writes nothing.
-- cost:  as samples.values, and O(samples).
-- uses: base_key, now_ms, open_queue, samples
local wrong = open_queue()
if wrong then return wrong end
local reply = { now_ms, unpack(samples.values()) }
for at, packed in ipairs(call('LRANGE', base_key .. ':ms', 0, -1)) do reply[5 + at] = packed end
return reply
