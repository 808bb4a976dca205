"""The functions in C that several layers share; a program holds those that it calls."""

# Of layers that treat each number alone: what they do in words, further arguments, and the same in C.
EACH_NUMBER = {
    "relu": ("y = x where x is positive, else 0; NaN stays NaN.", "", "x[i] < 0 ? 0 : x[i]"),
    "leaky_relu": ("y = x where x is positive, else slope * x.", ", float slope", "x[i] > 0 ? x[i] : slope * x[i]"),
    "elu": ("y = x where x is positive, else alpha * (exp(x) - 1).", ", float alpha",
            "x[i] > 0 ? x[i] : alpha * expm1f(x[i])"),
    "sigmoid": ("y = 1 / (1 + exp(-x)); where exp(-x) is too large for a float, that is 1 / infinity, 0.", "",
                "1 / (1 + expf(-x[i]))"),
    "tanh_all": ("y = tanh(x), of all numbers.", "", "tanhf(x[i])"),
    "silu": ("y = x * sigmoid(x).", "", "x[i] / (1 + expf(-x[i]))"),
    "gelu": ("y = x * P(Z <= x) with a standard normal number Z; erfc(-x) is 1 + erf(x), and exact where that is "
             "nearly 0.", "", "x[i] / 2 * erfcf(-x[i] / sqrtf(2))"),
    "gelu_tanh": ("y = x * P(Z <= x), approximately: x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2.", "",
                  "x[i] / 2 * (1 + tanhf(0.7978845608f * (x[i] + 0.044715f * x[i] * x[i] * x[i])))"),
    "rescale": ("y = scale * x + offset.", ", float scale, float offset", "scale * x[i] + offset"),
}  # fmt: skip
FUNCTION = """\
/* {} */
static void {}(float *x, int n{})
{{
    for (int i = 0; i < n; i++)
        x[i] = {};
}}
"""
HELPERS = {name: FUNCTION.format(words, name, more, c) for name, (words, more, c) in EACH_NUMBER.items()}
HELPERS["softmax"] = """\
/* Makes each row positive, with the sum 1: exp(x) / sum of exp(x). The largest x is subtracted from all, which changes
   nothing but that exp cannot become too large. */
static void softmax(float *x, int rows, int size)
{
    for (int n = 0; n < rows; n++, x += size) {
        float largest = x[0], sum = 0;
        for (int k = 1; k < size; k++)
            if (x[k] > largest)
                largest = x[k];
        for (int k = 0; k < size; k++) {
            x[k] = expf(x[k] - largest);
            sum += x[k];
        }
        for (int k = 0; k < size; k++)
            x[k] /= sum;
    }
}
"""
