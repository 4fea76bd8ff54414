-- delete_by_id: Zaqar's deletion of messages by id.
-- keys:  Q.   args: "one" or "many", claim ids (hex, comma separated; "" none), then per message: seq, random, id
-- reply: how many were there.   Messages that are gone need no claim.
-- fails: NOQUEUE; one: CLAIMED; with claim ids: NOCLAIM, NOTCLAIMED, OTHERCLAIM.
-- cost:  O(k log n).   Nothing is deleted when it fails.
-- A claim deletes what it holds, and what it held last: its time ran out and nobody was given the message since.
-- uses: CLAIM, doomed, find, forget, held_until, is_over, open, q, Q, S, settle, state_of, tell
local wrong = open()
if wrong then return wrong end
local one, named, claims, refusal = ARGV[1] == 'one', ARGV[2] ~= '', {}, nil
for id in string.gmatch(ARGV[2], '[^,]+') do claims[id] = true end
local gone = {}
for at = 3, #ARGV, 3 do
  local seq, record = find(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  local packed = record and call('HGET', S, seq)
  local state = state_of(packed)
  if record and not is_over(seq, record, state) then
    local held = packed and held_until(seq) > 0
    if held and not named and one then return { err = 'CLAIMED' } end
    if named and not claims[state[CLAIM]] then refusal = refusal or { err = held and 'OTHERCLAIM' or 'NOTCLAIMED' } end
    gone[#gone + 1] = doomed(seq, record, state)
  end
end
if refusal then
  for id in pairs(claims) do
    if tonumber(call('ZSCORE', Q .. ':cx', id) or 0) <= q.now then return { err = 'NOCLAIM' } end
  end
  return refusal
end
forget(gone)
local freed = settle()
tell(freed)
return #gone
