-- buckets: what must be remembered for LIMITS.REMEMBERED_MS lies in hashes that are used in turn, half that time each:
-- three are looked at, the fourth is emptied before it is used again. Which one was used last stands in the queue's `era`.
-- uses: LIMITS, q, Q
local BUCKET_MS = LIMITS.REMEMBERED_MS / 2
local function turn_buckets()
  local era, last = math.floor(q.now / BUCKET_MS), tonumber(call('HGET', Q, 'era') or 0)
  if era == last then return era end
  for step = 1, math.min(era - last, 4) do
    local one = (last + step) % 4
    call('UNLINK', Q .. ':dd:' .. one, Q .. ':ra:' .. one)
  end
  call('HSET', Q, 'era', string.format('%.0f', era))
  return era
end
-- the hashes of that kind (":dd" deduplication, ":ra" receive attempts), the present one first
local function buckets(kind)
  local era = turn_buckets()
  return { Q .. kind .. ':' .. era % 4, Q .. kind .. ':' .. (era - 1) % 4, Q .. kind .. ':' .. (era - 2) % 4 }
end
