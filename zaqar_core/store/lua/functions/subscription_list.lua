-- subscription_list: list live subscriptions in the order of creation.
-- keys:  the queue.
-- args:  text after which ids come, most ids
-- reply: {now ms, last id read or "", id, record, ...}; with a last id there may be more behind it.
-- fails: NOQUEUE.
-- effect: reads. It writes nothing.
-- cost:  O(log n + most).
-- uses: base_key, now_ms, open_any_queue, subscription_of
local wrong = open_any_queue()
if wrong then return wrong end
local ids = call('ZRANGEBYLEX', base_key .. ':un', ARGV[1] == '' and '-' or '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local reply = { now_ms, #ids == tonumber(ARGV[2]) and ids[#ids] or '' }
for _, id in ipairs(ids) do
  if subscription_of(id) then
    reply[#reply + 1] = id
    reply[#reply + 1] = call('HGET', base_key .. ':u', id)
  end
end
return reply
