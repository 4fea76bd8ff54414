-- delete_by_id: delete messages by id, for Zaqar. Nothing is deleted when the function fails. A claim can delete the
-- messages that it holds, and those that it held last: its time ran out, and no message was received since.
-- keys:  the queue.
-- args:  "one", and per message: claim ids (hex, comma separated; "": none), seq, random, id; or "many", claim ids, and
--        per message: seq, random, id
-- reply: how many existed; "one" with several messages, which are one call each: 1 or 0 for each. A missing message
--        needs no claim.
-- fails: NOQUEUE; GROUPED; one: CLAIMED; with claim ids: NOCLAIM, NOTCLAIMED, OTHERCLAIM.
-- effect: frees.
-- cost:  O(k log n).
-- uses: base_key, CLAIM, find_message, is_over, leased_until, now_ms, open_queue, removal_of, remove_messages, state_of
-- uses: states_key, update_groups, wake_for_new
local wrong = open_queue(true)
if wrong then return wrong end
local one, claims, named = ARGV[1] == 'one', nil, nil
local gone, existed, seen, refusal = {}, {}, {}, nil
local at = 2
while ARGV[at] do
  if one or not claims then
    claims, named = {}, ARGV[at] ~= ''
    for id in string.gmatch(ARGV[at], '[^,]+') do claims[id] = true end
    at = at + 1
  end
  local seq, record = find_message(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
  local packed = record and call('HGET', states_key, seq)
  local state = state_of(packed)
  local exists = record and not seen[seq] and not is_over(seq, record, state)
  existed[#existed + 1] = exists and 1 or 0
  if exists then
    if not claims[state[CLAIM]] and (named or one) then
      local held = packed and leased_until(seq) > 0
      if held and not named then return { err = 'CLAIMED' } end
      if named then refusal = refusal or { err = held and 'OTHERCLAIM' or 'NOTCLAIMED' } end
    end
    seen[seq] = true
    gone[#gone + 1] = removal_of(seq, record, state)
  end
end
if refusal then
  for id in pairs(claims) do
    if tonumber(call('ZSCORE', base_key .. ':cx', id) or 0) <= now_ms then return { err = 'NOCLAIM' } end
  end
  return refusal
end
remove_messages(gone)
local freed = update_groups()
wake_for_new(freed)
if one and existed[2] then return existed end
return #gone
