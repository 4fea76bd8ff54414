-- get: read the queue.
-- keys:  the queue.
-- reply: {0, field, value, ...}: as create for an existing queue.
-- fails: NOQUEUE.
-- effect: reads. It writes nothing.
-- cost:  O(fields).
-- uses: all_settings, base_key, NOQUEUE
if call('EXISTS', base_key) == 0 then return NOQUEUE end
local reply = all_settings()
table.insert(reply, 1, 0)
return reply
