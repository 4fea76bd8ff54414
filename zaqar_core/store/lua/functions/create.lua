-- create: create the queue, or read the existing one.
-- keys:  the queue.
-- args:  incarnation (16 hex digits), creator, default retention s, then field, value ...
-- reply: {1 if created now, field, value, ...}.
-- fails: nothing.
-- effect: stores.
-- cost:  O(fields).
-- uses: all_settings, base_key, write_queue
local made = 0
if call('EXISTS', base_key) == 0 then
  write_queue(4)
  made = 1
end
local reply = all_settings()
table.insert(reply, 1, made)
return reply
