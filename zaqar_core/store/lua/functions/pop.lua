-- pop: take up to n messages and delete them in the same step.
-- keys:  the queue.
-- args:  n
-- reply: {now ms, retention s, intents, 1 if the caller should try again, {seq, record, state} ...}.
-- fails: NOQUEUE; GROUPED; ENCRYPTED (the queue had encrypted messages: a message that cannot be decrypted must not be
--        deleted).
-- effect: frees.
-- cost:  O(k log n).
-- uses: has_feature, is_behind, now_ms, open_queue, process_due, queue, removal_of, remove_messages, take_visible
-- uses: update_groups, wake_for_new
local wrong = open_queue()
if wrong then return wrong end
if has_feature('k') then return { err = 'ENCRYPTED' } end
process_due(100)
local taken, intents, again_at_once = take_visible(tonumber(ARGV[1]), '', '')
local retry = (again_at_once or is_behind()) and 1 or 0
local reply, gone = { now_ms, queue.retention_ms / 1000, intents, retry }, {}
for i, one in ipairs(taken) do
  gone[i] = removal_of(one[1], one[2], one[3])
  reply[4 + i] = { one[1], one[2], cmsgpack.pack(one[3]) }
end
remove_messages(gone)
local freed = update_groups()
wake_for_new(freed)
return reply
