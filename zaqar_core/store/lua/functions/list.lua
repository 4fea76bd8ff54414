-- list: messages after a seq, in order; looks at no more than 200.
-- keys:  Q.   args: after seq, limit, include claimed 0/1, include delayed 0/1, Client-ID to leave out (16 bytes or "")
-- reply: {now, keep s, seq looked at last, 1 if there may be more, {seq, record, state or "", held ms, delayed ms} ...}
-- fails: NOQUEUE.   cost: O(log n + 200).
-- uses: A, c, CLIENT, DELAYED, delayed_until, expired, flags_of, GROUP, GROUPED, has, held_until, KIND, LEASED, M
-- uses: open, OWN_TTL, q, S, settle, state_of, tick
local wrong = open()
if wrong then return wrong end
tick(100)
settle()
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimed, late, client = ARGV[3] == '1', ARGV[4] == '1', ARGV[5]
local pages = {}
for _, band in ipairs({ 0, claimed and LEASED, late and DELAYED, KIND ~= 'plain' and GROUPED }) do
  if band then
    local low, high = string.format('(%.1f', band + after + 0.5), string.format('(%.0f', band + LEASED)
    pages[#pages + 1] = { 1, call('ZRANGEBYSCORE', A, low, high, 'LIMIT', 0, 200) }
  end
end
-- the page whose next message is the oldest
local function choose()
  local best, least
  for _, page in ipairs(pages) do
    local seq = tonumber(page[2][page[1]])
    if seq and (not least or seq < least) then best, least = page, seq end
  end
  return best
end
local found, looked, last = {}, 0, after
local page = choose()
while #found < limit and looked < 200 and page do
  local seq = page[2][page[1]]
  page[1], looked, last = page[1] + 1, looked + 1, tonumber(seq)
  local record, packed = call('HGET', M, seq), call('HGET', S, seq)
  if record and not expired(record, state_of(packed)) then
    local held, delayed, flags = held_until(seq), delayed_until(seq, record), flags_of(record)
    local at = 23 + (has(flags, OWN_TTL) and 8 or 0) + (has(flags, GROUP) and 8 or 0)
    local mine = client ~= '' and has(flags, CLIENT) and string.sub(record, at, at + 15) == client
    if not mine and (claimed or held == 0) and (late or delayed == 0) then
      found[#found + 1] = { seq, record, packed or '', held, delayed }
    end
  end
  page = choose()
end
local reply = { q.now, c.keep / 1000, last, (looked >= 200 or page) and 1 or 0 }
for i, one in ipairs(found) do reply[4 + i] = one end
return reply
