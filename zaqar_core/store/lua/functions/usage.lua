-- usage: measure how much the queue holds: the bytes of its records, estimated from a random sample of them, and its
-- messages in flight. Expired messages that are not removed yet count.
-- keys:  the queue.
-- args:  records in the sample; a queue with no more of them is measured exactly
-- reply: {bytes, messages in flight}.
-- fails: NOQUEUE; GROUPED.
-- effect: reads. It writes nothing.
-- cost:  O(sample + log n).
-- uses: leases_key, now_ms, open_queue, records_key
local wrong = open_queue()
if wrong then return wrong end
local number, sampled, bytes = call('HLEN', records_key), 0, 0
if number > 0 then
  for _, seq in ipairs(call('HRANDFIELD', records_key, ARGV[1])) do
    sampled, bytes = sampled + 1, bytes + call('HSTRLEN', records_key, seq)
  end
  bytes = math.floor(bytes / sampled * number)
end
return { bytes, call('ZCOUNT', leases_key, '(' .. string.format('%.0f', now_ms), '+inf') }
