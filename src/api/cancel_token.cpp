#include "app/cancellation.h"
#include "mxpath/mxpath.h"

namespace mxpath::api {

CancelToken::CancelToken() : shared_(std::make_shared<Cancellation>()) {}
void CancelToken::cancel() const { shared_->cancel(); }
bool CancelToken::cancelled() const { return shared_->cancelled(); }

}  // namespace mxpath::api
