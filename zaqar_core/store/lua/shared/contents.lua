-- contents: the keys of everything that a queue holds beside its own settings, waiters and unfinished moves.
-- uses: A, L, M, Q, S
local function contents()
  local found = { M, S, A, L }
  for part in string.gmatch('d e b i c cx gm g gd tq tn gc dd:0 dd:1 dd:2 dd:3 ra:0 ra:1 ra:2 ra:3', '%S+') do
    found[#found + 1] = Q .. ':' .. part
  end
  return found
end
