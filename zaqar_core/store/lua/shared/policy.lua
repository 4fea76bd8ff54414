-- policy: whether a process decided about a call by the queue's present policy. The call's second key says by which one
-- it did: <queue>:policy:<SHA-1 of the document>, without the hash if there was none. It shares the slot of the queue
-- and holds nothing.
-- other_policy: returns POLICY <SHA-1> <document, line breaks as blanks>, or nil: it is the present one, or there is no
-- queue. Nothing was changed then.
-- uses: base_key, load_queue, queue
local function other_policy(expected)
  local generation = call('HGET', base_key, 'gen')
  if not generation then return end
  load_queue(generation)
  if not queue.policy_hash then
    local document = call('HGET', base_key, 'doc:policy')
    queue.policy_hash = document and redis.sha1hex(document) or ''
    queue.policy_key = base_key .. ':policy:' .. queue.policy_hash
  end
  if expected ~= queue.policy_key then
    local document = string.gsub(call('HGET', base_key, 'doc:policy') or '', '[\r\n]', ' ')
    return { err = string.format('POLICY %s ', queue.policy_hash) .. document }
  end
end
