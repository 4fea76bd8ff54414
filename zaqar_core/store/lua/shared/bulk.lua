-- bulk: write_pairs runs HSET or ZADD on a flat list of pairs, in parts that Lua's stack has room for.
local MOST_WORDS = 1000
local function write_pairs(command, key, flat)
  for first = 1, #flat, MOST_WORDS do
    call(command, key, unpack(flat, first, math.min(first + MOST_WORDS - 1, #flat)))
  end
end
