"""An LSTM as autograd.Function of PyTorch."""

import torch


class LSTMFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, c0, weight_ih, weight_hh, bias):
        hs, cs, gates = [h0], [c0], []
        for x_t in x:
            a = x_t @ weight_ih.t() + hs[-1] @ weight_hh.t() + bias
            i, f, g, o = a.chunk(4, 1)
            i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
            cs.append(f * cs[-1] + i * g)
            hs.append(o * torch.tanh(cs[-1]))
            gates.append(torch.stack([i, f, g, o]))
        ctx.save_for_backward(x, torch.stack(hs), torch.stack(cs), torch.stack(gates), weight_ih, weight_hh)
        return torch.stack(hs[1:]), cs[-1].clone()

    @staticmethod
    def backward(ctx, dh, dc):
        x, hs, cs, gates, w_ih, w_hh = ctx.saved_tensors
        dx = torch.zeros_like(x)
        dW = torch.zeros_like(w_ih)
        dU = torch.zeros_like(w_hh)
        db = torch.zeros(len(w_ih), dtype=x.dtype)
        dhn = torch.zeros_like(hs[0])
        dcn = dc
        for t in reversed(range(len(x))):
            i, f, g, o = gates[t]
            d = dh[t] + dhn
            tc = torch.tanh(cs[t + 1])
            dct = dcn + d * o * (1 - tc**2)
            da = torch.cat(
                [dct * g * i * (1 - i), dct * cs[t] * f * (1 - f), dct * i * (1 - g**2), d * tc * o * (1 - o)], 1
            )
            dx[t] = da @ w_ih
            dW += da.t() @ x[t]
            dU += da.t() @ hs[t]
            db += da.sum(0)
            dhn = da @ w_hh
            dcn = dct * f
        return dx, dhn, dcn, dW, dU, db
