-- subscription_list: live subscriptions in the order of creation.
-- keys:  Q.   args: text after which ids come, most of them
-- reply: {now ms, last id looked at or "", id, record, ...}; with a last id there may be more behind it.
-- fails: NOQUEUE.   cost: O(log n + most).
-- uses: GROUPED_QUEUE, open, q, Q, subscription_of
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
local ids = call('ZRANGEBYLEX', Q .. ':un', ARGV[1] == '' and '-' or '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local reply = { q.now, #ids == tonumber(ARGV[2]) and ids[#ids] or '' }
for _, id in ipairs(ids) do
  if subscription_of(id) then
    reply[#reply + 1] = id
    reply[#reply + 1] = call('HGET', Q .. ':u', id)
  end
end
return reply
