-- create_placed: create the queue in a pool, or read the existing one. Each incarnation is created at most once.
-- keys:  the queue.
-- args:  incarnation, creator, default retention s, deadline (real ms of this server), then field, value ...
-- reply: {1 if created now, field, value, ...}.
-- fails: GONE (that incarnation has ended); LATE (the deadline has passed).
-- effect: stores.
-- cost:  O(fields).
-- uses: all_settings, base_key, real_ms, ruled_out_key, write_queue
local made = 0
if call('EXISTS', base_key) == 0 then
  if call('EXISTS', ruled_out_key(ARGV[1])) == 1 then return { err = 'GONE' } end
  if real_ms() >= tonumber(ARGV[4]) then return { err = 'LATE' } end
  write_queue(5)
  made = 1
end
local reply = all_settings()
table.insert(reply, 1, made)
return reply
