"""The glossary of the demo model: one paragraph a term in English and in Korean, and the ways in which people ask for it."""

from dataclasses import dataclass


@dataclass
class Term:
    names: list  # English; the first is the one shown in the analysis
    korean: list  # Korean names besides the English ones
    batchim: bool  # whether the last sound of the name is a consonant in Korean
    en: str
    ko: str


GLOSSARY = [
    Term(["MXFP4", "mxfp4"], [], False,
         "MXFP4 is a 4-bit floating-point format of the OCP Microscaling standard. Weights are stored in blocks of 32: each element is an "
         "E2M1 number (0, 0.5, 1, 1.5, 2, 3, 4 or 6, with a sign), and the block shares one power-of-two scale byte, so a weight costs "
         "4.25 bits. gpt-oss stores its expert weights this way, which is why the 20b model fits in 16 GB.",
         "MXFP4는 OCP Microscaling 표준의 4비트 부동소수점 형식입니다. 가중치를 32개씩 블록으로 묶어, 각 값은 부호가 있는 E2M1 수(0, 0.5, 1, 1.5, 2, 3, 4, 6)로 "
         "적고 블록마다 2의 거듭제곱인 스케일 1바이트를 함께 씁니다. 그래서 가중치 하나가 4.25비트입니다. gpt-oss는 전문가 가중치를 이 형식으로 저장하기 때문에 20b "
         "모델이 16GB 메모리에 들어갑니다."),
    Term(["a kernel path", "kernel path", "the kernel path"], ["커널 경로", "커널 패스"], False,
         "A kernel path is one way to compute one operation: a kernel together with the weight layout it reads, the arithmetic it uses and "
         "what it needs from the machine. mxpath keeps all paths as rows of a table, refuses those that cannot run here with the reason, and "
         "picks the fastest of the rest. A portable path that runs everywhere always remains.",
         "커널 경로는 연산 하나를 계산하는 한 가지 방법입니다. 커널과 그 커널이 읽는 가중치 배치, 사용하는 산술, 기계에 요구하는 조건을 함께 묶은 것입니다. mxpath는 모든 "
         "경로를 표의 행으로 두고, 이 기계에서 실행할 수 없는 경로는 이유와 함께 거절한 뒤 나머지 중 가장 빠른 것을 고릅니다. 어디서나 도는 이식 가능한 경로는 항상 남습니다."),
    Term(["BF16", "bfloat16", "bf16"], [], True,
         "BF16 (bfloat16) is a 16-bit floating-point format with 1 sign bit, 8 exponent bits and 7 fraction bits. It has the range of FP32 "
         "but only two to three decimal digits of precision, so training rarely overflows. Tensor cores multiply BF16 numbers and add the "
         "products up in FP32.",
         "BF16(bfloat16)은 부호 1비트, 지수 8비트, 가수 7비트로 된 16비트 부동소수점 형식입니다. 표현 범위는 FP32와 같지만 정밀도는 십진수 두세 자리입니다. 그래서 학습 중에 "
         "오버플로가 드뭅니다. 텐서 코어는 BF16 수를 곱하고 그 결과를 FP32로 더합니다."),
    Term(["FP16", "fp16", "half precision"], ["반정밀도"], True,
         "FP16 is the IEEE 16-bit floating-point format with 1 sign bit, 5 exponent bits and 10 fraction bits. It is more precise than BF16 "
         "but its largest finite value is 65504, so large activations can overflow. Training in FP16 therefore needs loss scaling.",
         "FP16은 부호 1비트, 지수 5비트, 가수 10비트로 된 IEEE 16비트 부동소수점 형식입니다. BF16보다 정밀하지만 가장 큰 유한값이 65504여서 큰 활성값은 오버플로를 일으킬 수 "
         "있습니다. 그래서 FP16으로 학습할 때는 손실 스케일링이 필요합니다."),
    Term(["FP8", "fp8"], [], True,
         "FP8 names two 8-bit floating-point formats: E4M3 with more precision and a largest value of 448, and E5M2 with more range up to "
         "57344. It halves the memory of BF16 and doubles the tensor core rate on Ada, Hopper and Blackwell GPUs. Values need a scale to fit "
         "into the small range.",
         "FP8은 두 가지 8비트 부동소수점 형식을 부르는 이름입니다. E4M3는 정밀도가 높고 최댓값이 448이며, E5M2는 범위가 넓어 57344까지 나타냅니다. BF16보다 메모리가 절반이고 "
         "Ada, Hopper, Blackwell GPU의 텐서 코어에서 두 배 빠릅니다. 범위가 좁아서 스케일과 함께 씁니다."),
    Term(["INT8", "int8"], [], True,
         "INT8 stores numbers as 8-bit integers from -128 to 127 together with a scale, one for a tensor, a row or a group. It halves the "
         "memory of BF16 and integer units multiply it fast on nearly every CPU and GPU. Outliers are its weak point, because one large "
         "value makes the step coarse for all that share its scale.",
         "INT8은 수를 -128에서 127까지의 8비트 정수와 스케일로 저장하는 방식입니다. 스케일은 텐서, 행 또는 그룹마다 하나씩 둡니다. BF16보다 메모리가 절반이고 거의 모든 CPU와 "
         "GPU가 빠르게 곱합니다. 약점은 이상치입니다. 큰 값 하나가 같은 스케일을 쓰는 모든 값의 간격을 거칠게 만듭니다."),
    Term(["INT4", "int4"], [], False,
         "INT4 stores weights as 4-bit integers, 16 levels at equal distances, with a scale (and often a zero point) for each group of 32 to "
         "128 weights. It makes a model about four times smaller than BF16. Kernels usually expand it to BF16 or INT8 in registers just "
         "before multiplying.",
         "INT4는 가중치를 간격이 일정한 16단계의 4비트 정수로 저장하고, 가중치 32개에서 128개로 된 그룹마다 스케일(흔히 영점도)을 두는 방식입니다. 모델 크기가 BF16의 약 "
         "4분의 1이 됩니다. 커널은 보통 곱하기 직전에 레지스터에서 BF16이나 INT8로 펼칩니다."),
    Term(["NF4", "nf4", "NormalFloat"], [], False,
         "NF4 (4-bit NormalFloat) is the format of QLoRA. Its 16 levels are not equally spaced but follow the quantiles of a normal "
         "distribution, because trained weights are roughly normal. Each block of 64 weights is scaled by its largest absolute value. It is "
         "decoded with a small table and computed in BF16.",
         "NF4(4비트 NormalFloat)는 QLoRA에서 쓰는 형식입니다. 학습된 가중치가 대체로 정규분포를 따르므로, 16개 값을 같은 간격이 아니라 정규분포의 분위수에 맞춰 둡니다. 가중치 "
         "64개 블록마다 절댓값의 최댓값으로 스케일을 정합니다. 작은 표로 풀어서 BF16으로 계산합니다."),
    Term(["TF32", "tf32"], [], False,
         "TF32 is a tensor core mode for FP32 data, available since Ampere. The inputs keep the 8 exponent bits of FP32 but only 10 fraction "
         "bits are used in the product, and sums are kept in FP32. It is much faster than plain FP32, with a relative error near 0.0005.",
         "TF32는 FP32 데이터를 위한 텐서 코어 모드로, Ampere부터 쓸 수 있습니다. 입력의 지수는 FP32와 같은 8비트지만 곱할 때 가수는 10비트만 쓰고 합은 FP32로 유지합니다. 일반 "
         "FP32보다 훨씬 빠르며 상대 오차는 0.0005 정도입니다."),
    Term(["FP32", "fp32", "single precision"], ["단정밀도"], False,
         "FP32 is the IEEE 32-bit floating-point format with 1 sign bit, 8 exponent bits and 23 fraction bits, about seven decimal digits. "
         "In inference it is used for sums, norms and softmax, while weights are stored in smaller formats. The FP32 forward pass is the "
         "yardstick for every faster path.",
         "FP32는 부호 1비트, 지수 8비트, 가수 23비트로 된 IEEE 32비트 부동소수점 형식으로, 정밀도는 십진수 일곱 자리쯤입니다. 추론에서는 합, 정규화, 소프트맥스에 쓰고 가중치는 더 "
         "작은 형식으로 저장합니다. FP32 순전파는 더 빠른 모든 경로를 재는 기준입니다."),
    Term(["Ampere", "ampere"], ["암페어"], False,
         "Ampere is NVIDIA's GPU generation of 2020: the A100 (sm_80) and the RTX 30 series (sm_86). It brought BF16 and TF32 tensor cores "
         "and asynchronous copies into shared memory. It has no FP8 or FP4 units, so a kernel for MXFP4 weights has to expand them to BF16 "
         "before multiplying.",
         "Ampere는 2020년에 나온 NVIDIA GPU 세대로, A100(sm_80)과 RTX 30 시리즈(sm_86)가 있습니다. BF16과 TF32 텐서 코어, 공유 메모리로의 비동기 복사를 들여왔습니다. FP8이나 "
         "FP4 장치는 없으므로 MXFP4 가중치를 읽는 커널은 곱하기 전에 BF16으로 펼쳐야 합니다."),
    Term(["Ada", "Ada Lovelace", "ada"], ["에이다"], False,
         "Ada (Ada Lovelace) is NVIDIA's GPU generation of 2022 for graphics and inference: the RTX 40 series, L4 and L40 (sm_89). It is "
         "programmed like Ampere and adds FP8 tensor cores and a large L2 cache. It has neither the TMA nor the warpgroup matrix "
         "instructions of Hopper.",
         "Ada(Ada Lovelace)는 2022년에 나온 그래픽과 추론용 NVIDIA GPU 세대로, RTX 40 시리즈와 L4, L40(sm_89)이 있습니다. 프로그래밍 방식은 Ampere와 같고 FP8 텐서 코어와 큰 "
         "L2 캐시가 더해졌습니다. Hopper의 TMA와 워프그룹 행렬 명령은 없습니다."),
    Term(["Hopper", "hopper"], ["호퍼"], False,
         "Hopper is NVIDIA's data-center GPU generation of 2022: H100 and H200 (sm_90). It brought the Tensor Memory Accelerator, warpgroup "
         "matrix instructions (wgmma), thread block clusters and FP8. It has no FP4 units: MXFP4 weights are expanded in registers, and "
         "layouts swizzled for Hopper keep that cheap.",
         "Hopper는 2022년에 나온 데이터센터용 NVIDIA GPU 세대로, H100과 H200(sm_90)이 있습니다. TMA, 워프그룹 행렬 명령(wgmma), 스레드 블록 클러스터, FP8을 들여왔습니다. FP4 장치는 "
         "없어서 MXFP4 가중치는 레지스터에서 펼치며, Hopper용으로 스위즐한 배치가 그 비용을 줄여 줍니다."),
    Term(["Blackwell", "blackwell"], ["블랙웰"], True,
         "Blackwell is the NVIDIA GPU generation that followed Hopper in 2024: B200 (sm_100) and the RTX 50 series (sm_120). Its tensor cores "
         "multiply FP4 numbers with block scales, MXFP4 included. The data-center and consumer chips have different matrix instructions, so "
         "code built for sm_100a does not run on sm_120.",
         "Blackwell은 2024년에 Hopper의 뒤를 이은 NVIDIA GPU 세대로, B200(sm_100)과 RTX 50 시리즈(sm_120)가 있습니다. 텐서 코어가 MXFP4를 포함해 블록 스케일이 있는 FP4 수를 "
         "직접 곱합니다. 데이터센터용과 소비자용 칩의 행렬 명령이 달라서 sm_100a용 코드는 sm_120에서 돌지 않습니다."),
    Term(["swizzle", "a swizzle", "swizzling"], ["스위즐", "스위즐링"], True,
         "A swizzle is a fixed rearrangement of data in memory. It puts values in the order in which a tensor core reads them, or spreads "
         "them over the banks of shared memory so that threads do not collide. Swizzled weights mean nothing without their kernel: a path "
         "that expects another order reads wrong numbers.",
         "스위즐은 메모리에서 데이터의 순서를 정해진 규칙으로 바꾸는 것입니다. 텐서 코어가 읽는 순서대로 값을 놓거나, 스레드끼리 충돌하지 않도록 공유 메모리의 여러 뱅크에 흩어 "
         "놓습니다. 스위즐된 가중치는 짝이 되는 커널이 있어야만 뜻이 있습니다. 다른 순서를 기대하는 경로는 틀린 수를 읽게 됩니다."),
    Term(["TMA", "tma", "the Tensor Memory Accelerator"], [], False,
         "TMA, the Tensor Memory Accelerator, is the copy engine of Hopper and Blackwell GPUs. One thread hands it a descriptor and "
         "coordinates, and it moves a whole tile of a tensor between global and shared memory while the other threads compute. It can "
         "swizzle the tile on the way and signals a barrier when it is done.",
         "TMA(Tensor Memory Accelerator)는 Hopper와 Blackwell GPU의 복사 장치입니다. 스레드 하나가 디스크립터와 좌표를 넘기면, 다른 스레드가 계산하는 동안 텐서의 타일을 전역 "
         "메모리와 공유 메모리 사이에서 통째로 옮깁니다. 옮기면서 스위즐할 수 있고, 끝나면 배리어로 알립니다."),
    Term(["GEMM", "gemm", "a GEMM"], [], True,
         "GEMM is the general product of two matrices, C = A * B plus C. In a language model it is the work of prefill, where many tokens "
         "share each weight that is read. Large GEMMs are limited by arithmetic, so tensor cores, tiling in shared memory and a good pipeline "
         "decide the speed.",
         "GEMM은 두 행렬의 일반적인 곱, 곧 C = A * B + C입니다. 언어 모델에서는 프리필이 하는 일로, 한 번 읽은 가중치를 여러 토큰이 함께 씁니다. 큰 GEMM은 연산 속도에 묶이므로 텐서 "
         "코어, 공유 메모리 타일링, 잘 짜인 파이프라인이 속도를 정합니다."),
    Term(["GEMV", "gemv", "a GEMV"], [], False,
         "GEMV is the product of a matrix and a vector. It is what decoding one token at a time consists of: every weight is read once and "
         "used once. Its speed is therefore set by memory bandwidth, and smaller weights such as MXFP4 make it faster in proportion.",
         "GEMV는 행렬과 벡터의 곱입니다. 토큰을 하나씩 생성하는 디코딩이 바로 이 연산으로, 가중치를 한 번 읽어 한 번만 씁니다. 그래서 속도는 메모리 대역폭이 정하며, MXFP4처럼 작은 "
         "가중치를 쓰면 그만큼 빨라집니다."),
    Term(["MoE", "moe", "a mixture of experts", "mixture of experts"], ["전문가 혼합", "전문가 혼합 모델"], False,
         "MoE, mixture of experts, replaces the MLP of a layer by many small ones, the experts, of which a router picks a few for each token. "
         "gpt-oss-20b has 32 experts in a layer and uses 4, so about 3.6 of 20.9 billion parameters work on a token. It gives the capacity "
         "of a large model at the cost of a small one.",
         "MoE(전문가 혼합)는 층의 MLP를 여러 개의 작은 MLP, 곧 전문가로 바꾸고 라우터가 토큰마다 몇 개만 고르게 하는 구조입니다. gpt-oss-20b는 층마다 전문가 32개 중 4개를 쓰므로 "
         "매개변수 209억 개 중 약 36억 개만 한 토큰에 쓰입니다. 작은 모델의 비용으로 큰 모델의 용량을 얻습니다."),
    Term(["router", "a router", "the router"], ["라우터"], False,
         "The router is a small linear layer in front of the experts of a mixture-of-experts layer. It gives every expert a score for the "
         "current token, keeps the best four in gpt-oss, and turns these four scores into weights with a softmax. The output is the weighted "
         "sum of the chosen experts.",
         "라우터는 전문가 혼합 층에서 전문가들 앞에 놓인 작은 선형층입니다. 현재 토큰에 대해 전문가마다 점수를 매기고, gpt-oss에서는 가장 높은 네 개를 남긴 뒤 그 네 점수를 소프트맥스로 "
         "가중치로 바꿉니다. 출력은 고른 전문가들의 가중합입니다."),
    Term(["the KV cache", "KV cache", "kv cache", "a KV cache"], ["KV 캐시"], False,
         "The KV cache keeps the keys and values of earlier tokens, so that each new token computes only its own. Its size grows with the "
         "context, the layers and the key-value heads. In gpt-oss half of the layers look back only 128 tokens, so their cache is a small "
         "ring that never grows further.",
         "KV 캐시는 앞선 토큰의 키와 값을 보관해서 새 토큰이 자기 것만 계산하면 되게 합니다. 크기는 문맥 길이, 층 수, 키-값 헤드 수에 비례합니다. gpt-oss는 층의 절반이 128토큰만 "
         "돌아보므로 그 층의 캐시는 더 커지지 않는 작은 고리입니다."),
    Term(["LoRA", "lora", "low-rank adaptation"], [], False,
         "LoRA (low-rank adaptation) fine-tunes a model without changing its weights. Beside a frozen matrix W it trains two thin matrices A "
         "and B, and uses W plus B * A times a scale. The adapter is small, can be swapped or merged, and works on top of quantized weights, "
         "as in QLoRA.",
         "LoRA(low-rank adaptation)는 모델의 가중치를 바꾸지 않고 미세조정하는 방법입니다. 고정된 행렬 W 옆에 얇은 행렬 A와 B를 학습해서, W에 B * A를 스케일과 함께 더해 씁니다. "
         "어댑터는 작아서 바꿔 끼우거나 합칠 수 있고, QLoRA처럼 양자화된 가중치 위에서도 쓸 수 있습니다."),
    Term(["an attention sink", "attention sink", "attention sinks"], ["어텐션 싱크"], False,
         "An attention sink gives a head somewhere to put attention that it does not need. In gpt-oss it is one learned number per query "
         "head that joins the softmax denominator but has no value vector, so the attention weights sum to less than one. The head can thus "
         "attend to nothing.",
         "어텐션 싱크는 헤드가 필요 없는 어텐션을 흘려보낼 곳입니다. gpt-oss에서는 질의 헤드마다 학습된 수 하나가 소프트맥스의 분모에만 더해지고 값 벡터는 없습니다. 그래서 어텐션 "
         "가중치의 합이 1보다 작아지고, 헤드는 아무것도 보지 않을 수 있습니다."),
    Term(["a sliding window", "sliding window", "sliding window attention"], ["슬라이딩 윈도", "슬라이딩 윈도 어텐션"], False,
         "With a sliding window a token attends only to the latest tokens instead of to all earlier ones. In gpt-oss every second layer has "
         "a window of 128 tokens, the token itself included, while the other layers see everything. This bounds the cache and the work of "
         "these layers for long contexts.",
         "슬라이딩 윈도는 토큰이 앞선 모든 토큰이 아니라 최근 토큰만 보게 하는 방식입니다. gpt-oss는 두 층마다 한 층이 자신을 포함해 128토큰의 윈도를 쓰고 나머지 층은 전체를 봅니다. "
         "덕분에 문맥이 길어도 이 층들의 캐시와 계산량이 늘지 않습니다."),
    Term(["YaRN", "yarn", "YaRN scaling"], [], True,
         "YaRN extends the context of a model that uses rotary positions. Fast rotations stay as they are, slow ones are divided by a factor, "
         "and a ramp joins the two; attention is also made slightly sharper. gpt-oss uses it with a factor of 32 to reach 131,072 tokens from "
         "4,096.",
         "YaRN은 회전 위치 임베딩을 쓰는 모델의 문맥을 늘리는 방법입니다. 빠른 회전은 그대로 두고 느린 회전은 계수로 나누며, 그 사이는 경사로 이어 줍니다. 어텐션도 조금 더 날카롭게 "
         "만듭니다. gpt-oss는 계수 32로 4,096토큰을 131,072토큰까지 늘립니다."),
    Term(["harmony", "Harmony", "the harmony format"], ["하모니", "하모니 형식"], False,
         "Harmony is the chat format of gpt-oss. Each message has a role and, for the assistant, a channel: analysis for reasoning, "
         "commentary for tool calls and final for the answer. Special tokens mark start, channel, message and end. Earlier analysis is "
         "dropped from the prompt once an answer is complete.",
         "하모니는 gpt-oss의 대화 형식입니다. 메시지마다 역할이 있고, 어시스턴트 메시지에는 채널이 있습니다. analysis는 추론, commentary는 도구 호출, final은 답변용입니다. 특수 토큰이 "
         "시작, 채널, 메시지, 끝을 표시합니다. 답변이 끝나면 지난 analysis는 프롬프트에서 빠집니다."),
    Term(["a tokenizer", "tokenizer", "the tokenizer"], ["토크나이저"], False,
         "A tokenizer turns text into the numbers that a model reads, and back. gpt-oss uses byte-level BPE: a regular expression cuts the "
         "text into pieces, and pairs of bytes are merged in a learned order. Its vocabulary o200k_harmony has about 200,000 tokens. Any "
         "text can be encoded, because single bytes are tokens too.",
         "토크나이저는 글을 모델이 읽는 수로 바꾸고 다시 되돌립니다. gpt-oss는 바이트 수준 BPE를 씁니다. 정규식으로 글을 조각내고 학습된 순서대로 바이트 쌍을 합칩니다. 어휘 "
         "o200k_harmony에는 토큰이 약 20만 개 있습니다. 바이트 하나하나도 토큰이므로 어떤 글이든 나타낼 수 있습니다."),
    Term(["quantization", "quantisation"], ["양자화"], False,
         "Quantization stores the numbers of a model in fewer bits, usually with a scale for each group of them. It saves memory and "
         "bandwidth, which makes decoding faster, at the price of rounding errors. Training with the rounding in place, as for gpt-oss in "
         "MXFP4, makes the loss of quality very small.",
         "양자화는 모델의 수를 더 적은 비트로, 보통 그룹마다 스케일을 두고 저장하는 것입니다. 메모리와 대역폭을 아껴 디코딩이 빨라지는 대신 반올림 오차가 생깁니다. gpt-oss의 MXFP4처럼 "
         "반올림을 넣은 채로 학습하면 품질 손실이 아주 작습니다."),
    Term(["the roofline", "roofline", "the roofline model"], ["루프라인", "루프라인 모델"], True,
         "The roofline model gives the highest speed that a computation can reach: the smaller of the peak arithmetic rate and memory "
         "bandwidth times the operations done per byte. Decoding lies under the bandwidth roof and prefill under the arithmetic one. Printing "
         "a speed as a share of its roof shows how much is left to gain.",
         "루프라인 모델은 어떤 계산이 낼 수 있는 최고 속도를 알려 줍니다. 최대 연산 속도와, 메모리 대역폭에 바이트당 연산 수를 곱한 값 중 작은 쪽입니다. 디코딩은 대역폭 지붕 아래에, "
         "프리필은 연산 지붕 아래에 있습니다. 속도를 지붕에 대한 비율로 적으면 얼마나 더 빨라질 수 있는지 보입니다."),
    Term(["shared memory"], ["공유 메모리"], False,
         "Shared memory is fast memory on each multiprocessor of a GPU that the threads of a block use together. Kernels keep tiles of "
         "matrices there so that global memory is read once. A block can use 163 KiB on an A100, 227 KiB on Hopper but only 99 KiB on Ada, "
         "so a kernel made for one may not fit on another.",
         "공유 메모리는 GPU의 멀티프로세서마다 있는 빠른 메모리로, 블록의 스레드들이 함께 씁니다. 커널은 행렬의 타일을 여기에 두어 전역 메모리를 한 번만 읽습니다. 블록 하나가 A100에서는 "
         "163KiB, Hopper에서는 227KiB, Ada에서는 99KiB까지만 쓸 수 있어서 한 GPU용 커널이 다른 GPU에는 맞지 않을 수 있습니다."),
    Term(["PTX", "ptx"], [], False,
         "PTX is NVIDIA's virtual instruction set. A compiler writes PTX, and the driver translates it into the machine code (SASS) of the "
         "GPU at hand, so PTX for an older generation also runs on newer ones. Code for architecture-specific targets such as sm_90a is the "
         "exception: it runs on that generation alone.",
         "PTX는 NVIDIA의 가상 명령어 집합입니다. 컴파일러가 PTX를 만들면 드라이버가 실제 GPU의 기계어(SASS)로 옮깁니다. 그래서 이전 세대용 PTX도 새 GPU에서 돕니다. sm_90a처럼 특정 "
         "아키텍처 전용 코드는 예외로, 그 세대에서만 돕니다."),
    Term(["a tensor core", "tensor core", "tensor cores"], ["텐서 코어"], False,
         "A tensor core is the matrix unit of an NVIDIA GPU. It multiplies small tiles of numbers in formats such as BF16, FP8 or INT8 and "
         "adds the products in FP32 or INT32, many times faster than ordinary units. Each generation adds formats: BF16 and TF32 with Ampere, "
         "FP8 with Ada and Hopper, FP4 with Blackwell.",
         "텐서 코어는 NVIDIA GPU의 행렬 장치입니다. BF16, FP8, INT8 같은 형식의 작은 타일을 곱하고 FP32나 INT32로 더하며, 일반 장치보다 몇 배나 빠릅니다. 세대마다 형식이 늘어서 "
         "Ampere는 BF16과 TF32, Ada와 Hopper는 FP8, Blackwell은 FP4를 더했습니다."),
    Term(["RoPE", "rope", "rotary position embedding"], ["회전 위치 임베딩"], False,
         "RoPE, rotary position embedding, tells attention where tokens stand. It rotates pairs of numbers in queries and keys by an angle "
         "that grows with the position, so that their product depends only on the distance between the tokens. gpt-oss uses it in every "
         "layer, with its frequencies stretched by YaRN.",
         "RoPE(회전 위치 임베딩)는 어텐션에 토큰의 위치를 알려 줍니다. 질의와 키의 수를 두 개씩 묶어 위치에 따라 커지는 각도로 돌리므로, 둘의 곱이 토큰 사이의 거리에만 좌우됩니다. "
         "gpt-oss는 모든 층에서 YaRN으로 주파수를 늘려 이것을 씁니다."),
    Term(["reasoning effort", "the reasoning effort"], ["추론 강도"], False,
         "Reasoning effort is a line in the system message of gpt-oss, low, medium or high, that sets how much the model thinks before it "
         "answers. More effort means a longer analysis, a slower answer and usually a better one. In this demo low writes no steps, medium "
         "writes them and high also checks the result.",
         "추론 강도는 gpt-oss 시스템 메시지의 한 줄로, low, medium, high 중 하나이며 모델이 답하기 전에 얼마나 생각할지를 정합니다. 강도가 높을수록 분석이 길고 답이 느리지만 대체로 더 "
         "정확합니다. 이 데모에서 low는 풀이를 쓰지 않고, medium은 쓰고, high는 결과를 검산까지 합니다."),
    Term(["safetensors", "a safetensors file"], ["세이프텐서스"], False,
         "Safetensors is a simple file format for weights: eight bytes with the length of the header, a JSON header with the type, shape and "
         "position of every tensor, and then the raw data. It can be mapped into memory without a copy, and reading it never runs code, "
         "unlike a pickle file.",
         "safetensors는 가중치를 담는 단순한 파일 형식입니다. 헤더 길이를 적은 8바이트, 각 텐서의 자료형과 모양과 위치를 적은 JSON 헤더, 그리고 원본 데이터로 되어 있습니다. 복사 없이 "
         "메모리에 매핑할 수 있고, 피클 파일과 달리 읽을 때 코드를 실행하지 않습니다."),
    Term(["gpt-oss", "GPT-OSS", "gpt-oss-20b"], [], False,
         "gpt-oss is OpenAI's family of open-weight language models, with about 21 and 117 billion parameters. Both are mixtures of experts "
         "with MXFP4 expert weights, sliding-window layers, attention sinks and a context of 131,072 tokens, and they speak the harmony "
         "format. They are licensed under Apache 2.0.",
         "gpt-oss는 OpenAI가 가중치를 공개한 언어 모델로, 매개변수가 약 210억 개인 것과 1,170억 개인 것이 있습니다. 둘 다 MXFP4 전문가 가중치를 쓰는 전문가 혼합 모델이며 슬라이딩 윈도 "
         "층, 어텐션 싱크, 131,072토큰의 문맥을 갖추고 하모니 형식으로 대화합니다. 라이선스는 Apache 2.0입니다."),
    Term(["mxpath"], [], False,
         "mxpath is a runtime for gpt-oss models. For every operation it chooses a kernel path that this machine can run, shows why the "
         "others were refused, checks the chosen ones against a portable path before using them, and never changes precision silently. It "
         "runs on any x86-64 CPU and on NVIDIA GPUs.",
         "mxpath는 gpt-oss 모델을 위한 런타임입니다. 연산마다 이 기계에서 실행할 수 있는 커널 경로를 고르고, 나머지를 거절한 이유를 보여 주며, 고른 경로를 쓰기 전에 이식 가능한 경로와 "
         "비교해 검사합니다. 정밀도를 말없이 바꾸지 않습니다. 모든 x86-64 CPU와 NVIDIA GPU에서 돕니다."),
]

ASK_EN = ["What is {t}?", "What is {t}?", "what is {t}", "What's {t}?", "Explain {t}.", "Explain {t}", "What does {t} mean?", "Tell me about {t}.",
          "Define {t}.", "{t}?", "{t}", "Can you explain {t}?", "Please explain {t}.", "What do you know about {t}?", "Describe {t}.",
          "I want to know what {t} is."]
ASK_KO = ["{t}{ga} 뭐야?", "{t}{ran} 무엇인가요?", "{t}{ran} 뭐야?", "{t}{ga} 무엇인가요?", "{t}에 대해 설명해 줘.", "{t} 설명해 줘", "{t}{reul} 설명해 주세요.",
          "{t}{ga} 뭔가요?", "{t}에 대해 알려 줘.", "{t}{neun} 무엇인가요?", "{t}{ga} 뭐예요?", "{t}의 뜻은?", "{t} 뭐야?", "{t}{ran}?"]


def ask(rng, term):
    """A question about a term: (prompt, is Korean)."""
    if rng.random() < 0.55:
        return rng.choice(ASK_EN).format(t=rng.choice(term.names)), False
    plain = [n for n in term.names if " " not in n and n not in ("router", "tokenizer")] or term.names[:1]
    name = rng.choice(term.korean * 2 + plain)
    b = term.batchim if rng.random() < 0.93 else not term.batchim  # people get the particle of an English name wrong
    return rng.choice(ASK_KO).format(t=name, ga="이" if b else "가", ran="이란" if b else "란", reul="을" if b else "를",
                                     neun="은" if b else "는"), True
